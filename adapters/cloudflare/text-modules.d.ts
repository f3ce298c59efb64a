/** Text that is uploaded beside the Worker's code (wrangler.toml, `rules`). */
declare module "*.bundle" {
  const text: string;
  export default text;
}
