// Whether a certificate names itself as its authority, which the TLS library knows and does not tell.

/// The names in a certificate (RFC 5280, section 4.1), read as far as that takes.
enum CertificateNames {
  /// Whether issuer and subject are the same.
  static func areEqual(inDER bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    // Certificate, and in it TBSCertificate.
    guard var certificate = element(from: &rest), var fields = element(from: &certificate.content) else { return false }
    // The version, which may be left out, has the context-specific tag 0.
    if fields.content.first == 0xa0 { _ = element(from: &fields.content) }
    // Serial number, signature, issuer, validity, subject.
    let parts = (0..<5).compactMap { _ in element(from: &fields.content) }
    return parts.count == 5 && parts[2].content == parts[4].content
  }

  private struct Element {
    var content: ArraySlice<UInt8>
  }

  /// Takes one element in the distinguished encoding (X.690, section 10) off the beginning; nil when there is none.
  private static func element(from bytes: inout ArraySlice<UInt8>) -> Element? {
    guard bytes.popFirst() != nil, let first = bytes.popFirst() else { return nil }
    var length = Int(first)
    if first >= 0x80 {
      length = 0
      guard (1...3).contains(first & 0x7f) else { return nil }
      for _ in 0..<(first & 0x7f) {
        guard let byte = bytes.popFirst() else { return nil }
        length = length << 8 | Int(byte)
      }
    }
    guard length <= bytes.count else { return nil }
    defer { bytes = bytes.dropFirst(length) }
    return Element(content: bytes.prefix(length))
  }
}
