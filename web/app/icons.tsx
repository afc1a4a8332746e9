import type { ReactNode } from 'react'

/** Icons say nothing to screen readers: what they stand on has a name of its own. */
function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
      {children}
    </svg>
  )
}

export const Mark = () => (
  <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="9" />
    <path d="M9 16.5l5 5 9.5-11" />
  </svg>
)

export const TodayIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.4 4.4l1.4 1.4M14.2 14.2l1.4 1.4M15.6 4.4l-1.4 1.4M5.8 14.2l-1.4 1.4" />
  </Icon>
)

export const CalendarIcon = () => (
  <Icon>
    <rect x="3" y="4" width="14" height="13" rx="3" />
    <path d="M3 8.5h14M7 2.5v3M13 2.5v3" />
  </Icon>
)

export const InboxIcon = () => (
  <Icon>
    <path d="M3 11l2-6.2A2 2 0 0 1 6.9 3.5h6.2A2 2 0 0 1 15 4.8L17 11v3.5a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM3 11h4l1 2h4l1-2h4" />
  </Icon>
)

export const DoneIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M6.8 10.2l2.2 2.2 4.2-4.6" />
  </Icon>
)

export const TagIcon = () => (
  <Icon>
    <path d="M3 4.5A1.5 1.5 0 0 1 4.5 3h5.2L17 10.3 10.3 17 3 9.7z" />
    <circle cx="6.8" cy="6.8" r=".8" />
  </Icon>
)

export const ListIcon = () => (
  <Icon>
    <path d="M7.5 5.5H17M7.5 10H17M7.5 14.5H17M3.3 5.5h.4M3.3 10h.4M3.3 14.5h.4" />
  </Icon>
)

export const FlagIcon = () => (
  <Icon>
    <path d="M5 17.5v-14M5 4c3.5-2 6 1.5 10 0v7c-4 1.5-6.5-2-10 0" />
  </Icon>
)

export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.5" />
    <path d="M13.2 13.2L17 17" />
  </Icon>
)

export const PlusIcon = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" />
  </Icon>
)

export const TrashIcon = () => (
  <Icon>
    <path d="M3.5 5.5h13M8 5V3.5h4V5M5.2 5.5l.8 11h8l.8-11M8.3 8.5v5M11.7 8.5v5" />
  </Icon>
)

export const MenuIcon = () => (
  <Icon>
    <path d="M3 5.5h14M3 10h14M3 14.5h14" />
  </Icon>
)

export const CrossIcon = () => (
  <Icon>
    <path d="M5.5 5.5l9 9M14.5 5.5l-9 9" />
  </Icon>
)

export const RepeatIcon = () => (
  <Icon>
    <path d="M4 9a6 6 0 0 1 10.5-3.5L16 7M16 3.5V7h-3.5M16 11a6 6 0 0 1-10.5 3.5L4 13M4 16.5V13h3.5" />
  </Icon>
)

export const NoteIcon = () => (
  <Icon>
    <path d="M4 5.5h12M4 10h12M4 14.5h7" />
  </Icon>
)

export const CloudIcon = () => (
  <Icon>
    <path d="M6 15.5a3.5 3.5 0 0 1-.4-7A4.5 4.5 0 0 1 14.3 7.9 3.8 3.8 0 0 1 14 15.5zM3 3l14 14" />
  </Icon>
)

export const PenIcon = () => (
  <Icon>
    <path d="M4 16l.8-3.6L13.6 3.6a1.4 1.4 0 0 1 2 0l.8.8a1.4 1.4 0 0 1 0 2L7.6 15.2z" />
  </Icon>
)

export const BellIcon = () => (
  <Icon>
    <path d="M4.5 14h11c-1.2-1.3-1.5-2.5-1.5-5a4 4 0 0 0-8 0c0 2.5-.3 3.7-1.5 5zM8.5 16.5a1.6 1.6 0 0 0 3 0" />
  </Icon>
)
