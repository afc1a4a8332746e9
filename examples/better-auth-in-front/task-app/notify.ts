import type { Task } from 'doable/client'

/** Asks whether the browser may show reminders while another window is in front. Only in answer to a click. */
export function askForNotifications(): void {
  if ('Notification' in globalThis && Notification.permission === 'default') void Notification.requestPermission()
}

/** Shows a reminder by the browser, once for all windows, where that is allowed. */
export function notify({ id, title, description }: Task): void {
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return
  try {
    new Notification(title, { tag: id, body: description ?? '' })
  } catch {
    // On phones a page may not show notifications itself. The line at the foot of the window says it too.
  }
}
