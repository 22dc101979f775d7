// Certificates and keys, which the runner's bundles hold as text.
declare module "*.pem" {
  const pem: string;
  export default pem;
}

declare module "*.key" {
  const pem: string;
  export default pem;
}
