// How a probe speaks TLS: whom it expects to meet, whom it believes, and who it says it is.

/// A probe's side of TLS (RFC 8446).
package struct TLSSettings: Hashable, Sendable {
  /// The name that is asked for (SNI, RFC 6066, section 3) and that the certificate must be for; nil to ask for none and
  /// to expect a certificate for the address that is connected to.
  package var serverName: String?
  /// Whether the certificate must be in its time, for that name and from an authority that is trusted.
  package var verifies: Bool
  /// The path of a file with the certificates of the trusted authorities (PEM); nil for the system's.
  package var authorities: String?
  /// Who the probe says it is, if the server asks; nil for nobody.
  package var identity: Identity?
  /// How long before the server's certificate ends a warning is given; zero for never.
  package var expiryWarning: Duration

  /// A client's certificate.
  package struct Identity: Hashable, Sendable {
    /// The path of the certificate, followed by those of its intermediate authorities (PEM).
    package var certificate: String
    /// The path of the private key (PEM, without a passphrase).
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  package init(
    serverName: String?,
    verifies: Bool = true,
    authorities: String? = nil,
    identity: Identity? = nil,
    expiryWarning: Duration = .seconds(14 * 86_400)
  ) {
    self.serverName = serverName
    self.verifies = verifies
    self.authorities = authorities
    self.identity = identity
    self.expiryWarning = expiryWarning
  }

  /// The files that it names.
  package var files: [String] { [authorities, identity?.certificate, identity?.key].compactMap { $0 } }
}
