import type { Viewport } from 'next'
import type { ReactNode } from 'react'
import '../task-app/app.css'

export const metadata = { title: 'To do' }

export const viewport: Viewport = { colorScheme: 'light dark' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
