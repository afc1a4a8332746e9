declare module '*.sql' {
  const text: string
  export default text
}
declare module '*.wasm' {
  const path: string
  export default path
}
declare module '*.data' {
  const path: string
  export default path
}
declare module '*.tgz' {
  const path: string
  export default path
}
declare module '*/standalone.js' {
  const path: string
  export default path
}
declare module '*/page.js' {
  const text: string
  export default text
}
