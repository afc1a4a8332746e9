import { createDoable } from 'doable/client'

const doable = createDoable({ url: location.origin, userId: 'ann', token: () => localStorage.getItem('jwt') })
for await (const { title } of doable.list()) document.querySelector('ul')?.append(title)
