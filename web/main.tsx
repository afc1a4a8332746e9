import { createRoot } from 'react-dom/client'
import { accountsAt } from './accounts.ts'
import { TaskApp } from './app/app.tsx'

const root = document.getElementById('root')
// Relative to the page, so that a proxy may have put a prefix before it.
const url = new URL('.', document.baseURI).href.replace(/\/$/, '')
if (root) createRoot(root).render(<TaskApp backend={accountsAt(url)} />)
