'use client'

import { useEffect, useState } from 'react'
import { backend, type User } from '../lib/backend.ts'
import { SignIn } from './sign-in.tsx'
import { Tasks } from './tasks.tsx'

export default function Page() {
  const [user, setUser] = useState<User | null>()
  useEffect(() => {
    backend.currentUser().then(setUser, () => setUser(null))
  }, [])
  if (user === undefined) return <p>One moment…</p>
  if (user === null) return <SignIn onDone={setUser} />
  return <Tasks user={user} onSignOut={() => backend.signOut().then(() => setUser(null))} />
}
