import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

export interface Options {
  /** An OpenAI-compatible address: `https://api.openai.com/v1`, or `http://localhost:11434/v1` for Ollama. */
  modelUrl: string
  modelKey: string | undefined
  model: string
  /** Such as `http://localhost:8000`. */
  doableUrl: string
  doableToken: string
  /** Asks the user before a tool that can overwrite or delete. */
  confirm(tool: string, given: Record<string, unknown>): Promise<boolean>
}

interface ToolCall {
  id: string
  function: { name: string; arguments: string }
}

interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string | null
  tool_calls?: ToolCall[]
  tool_call_id?: string
}

/** Answers of the model to one text, at most: a model that never stops calling tools is stopped here. */
const MAX_ROUNDS = 12

/**
 * A conversation: the model is shown the tools of Doable, and what it calls is called here.
 *
 * @throws Error where Doable or the model cannot be reached.
 */
export async function startAgent({ modelUrl, modelKey, model, doableUrl, doableToken, confirm }: Options) {
  const client = new Client(
    { name: 'doable-example-agent', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', doableUrl), {
      requestInit: { headers: { authorization: `Bearer ${doableToken}` } },
    }),
  )
  const { tools } = await client.listTools()
  const offered = tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema },
  }))
  const messages: Message[] = [
    { role: 'system', content: `${client.getInstructions() ?? ''}\nToday is ${new Date().toDateString()}.` },
  ]

  async function ask(): Promise<Message> {
    const response = await fetch(`${modelUrl}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(modelKey && { authorization: `Bearer ${modelKey}` }) },
      body: JSON.stringify({ model, messages, tools: offered }),
    })
    if (!response.ok) throw new Error(`the model answered ${response.status}: ${await response.text()}`)
    const { choices } = (await response.json()) as { choices: { message: Message }[] }
    const message = choices[0]?.message
    if (message === undefined) throw new Error('the model answered without a message')
    return message
  }

  /** What the model is told of its call. A refusal goes back to it, too: it can correct itself, or tell the user. */
  async function run({ function: { name, arguments: text } }: ToolCall): Promise<string> {
    const tool = tools.find((offer) => offer.name === name)
    if (tool === undefined) return 'There is no such tool.'
    let given: Record<string, unknown>
    try {
      given = JSON.parse(text || '{}')
    } catch {
      return 'The arguments are not well-formed JSON.'
    }
    if (tool.annotations?.destructiveHint && !(await confirm(name, given))) return 'The user has said no.'
    const { content } = await client.callTool({ name, arguments: given })
    return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
  }

  return {
    /** Says something to the model, runs the tools that it calls, and gives its answer. */
    async say(text: string): Promise<string> {
      messages.push({ role: 'user', content: text })
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const message = await ask()
        messages.push(message)
        if (!message.tool_calls?.length) return message.content ?? ''
        for (const call of message.tool_calls)
          messages.push({ role: 'tool', tool_call_id: call.id, content: await run(call) })
      }
      return 'I have tried for too long. Please ask for less at once.'
    },
    stop: () => client.close(),
  }
}
