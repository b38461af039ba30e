/** A sentence in which commands stand between backticks. */
export function Coded({ children }: { readonly children: string }) {
  return <>{children.split("`").map((text, place) => (place % 2 === 0 ? text : <code key={text}>{text}</code>))}</>;
}
