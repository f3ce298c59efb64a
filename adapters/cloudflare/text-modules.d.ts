/** Text that the bundler puts into the Worker (wrangler.toml, `rules`). */
declare module "*.yaml" {
  const text: string;
  export default text;
}
