/// <reference types="node" preserve="true" />
// The names of connections that speak TLS.

export { connect, type TlsConnectionOptions } from "./tls/connect.ts";
export type { Pem, TlsClientOptions, TlsCredentials, TlsServerOptions, TlsVersion } from "./tls/options.ts";
export {
  type ConnectionInformation,
  connectionInformation,
  negotiatedProtocol,
  peercert,
  session,
} from "./tls/secured.ts";
export { newServerContext, replaceServerContext, type TlsServerContext } from "./tls/server-context.ts";
export { upgrade } from "./tls/upgrade.ts";
export type { CertificateReason, HandshakeReason, PeerCertificate, TlsAlert, TlsError } from "./tcp/tls-error.ts";
