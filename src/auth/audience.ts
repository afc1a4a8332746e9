/**
 * The audience of tokens that programs get by OAuth for `/mcp` (RFC 8707, RFC 9068). The same under whatever
 * name the service is reached: clients know the resource by its address, which is translated at the door. Its
 * host is one that nobody can have (RFC 2606).
 */
export const MCP_AUDIENCE = 'https://doable.invalid/mcp'

/** The `iss` of those tokens. */
export const MCP_ISSUER = 'https://doable.invalid'
