/** What takes the masks off a sum. */
export interface Unmasking {
  /** Stream keys (hex) of the survivors' own masks, derived from the reconstructed seeds: their streams are subtracted. */
  readonly ownMasks: readonly string[];
  /** Pairwise keys (hex) between survivors and nodes that dropped out after step 2, with the sign to add them with. */
  readonly pairMasks: readonly { readonly key: string; readonly sign: 1 | -1 }[];
}
