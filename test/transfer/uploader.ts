// In a thread of its own, so that making a file does not hold up the one that measures.
import { type AttackName, piecesOf } from './attack-files.ts'

declare const self: Worker

interface Upload {
  url: string
  headers: Record<string, string>
  name: AttackName
  bytes: number
}

self.onmessage = async ({ data: { url, headers, name, bytes } }: MessageEvent<Upload>) => {
  const pieces = piecesOf(name, bytes)
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value, done } = pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
  const answer = await fetch(url, { method: 'POST', headers, body })
  self.postMessage({ status: answer.status, text: await answer.text() })
}
