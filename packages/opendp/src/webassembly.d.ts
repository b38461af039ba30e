/** What `wasm.ts` uses of WebAssembly: the workspace compiles without the browser's types, and Node's have none of it. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  function instantiate(bytes: Uint8Array<ArrayBuffer>, imports: object): Promise<{ readonly instance: Instance }>;
}
