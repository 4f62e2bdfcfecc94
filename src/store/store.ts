// What a tool remembers between two of its lives: small JSON values under a space and a key.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Store extends AsyncDisposable {
  /** Whether it outlives the process. */
  readonly durable: boolean;
  get(space: string, key: string): Promise<Json | undefined>;
  entries(space: string): Promise<ReadonlyMap<string, Json>>;
  /** All or nothing, on disk when it resolves; undefined deletes. */
  write(space: string, changes: ReadonlyMap<string, Json | undefined>): Promise<void>;
}
