import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate authority of the test's own. */
export interface Authority {
  /** Its certificate, PEM. */
  readonly certificate: string
  /** A server's certificate and key, PEM, for DNS names and IP addresses. */
  issue(names: { dns?: string[]; ip?: string[] }): Promise<{ certificate: string; key: string }>
}

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await newKeys()
  const own: X509Certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  return {
    certificate: own.toString('pem'),
    async issue({ dns = [], ip = [] }) {
      const { publicKey, privateKey } = await newKeys()
      const certificate = await X509CertificateGenerator.create({
        subject: 'CN=database',
        issuer: own.subject,
        publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new SubjectAlternativeNameExtension([
            ...dns.map((value) => ({ type: 'dns' as const, value })),
            ...ip.map((value) => ({ type: 'ip' as const, value })),
          ]),
        ],
      })
      return {
        certificate: certificate.toString('pem'),
        key: PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY'),
      }
    },
  }
}

async function newKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
}
