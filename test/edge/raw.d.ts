/** A file as text, which vite puts into a test that runs in workerd. */
declare module "*?raw" {
  const text: string;
  export default text;
}
