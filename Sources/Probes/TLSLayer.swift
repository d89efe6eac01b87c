// TLS on one connection, and what became of it in words that send an operator to the right place.
//
// The library says that a certificate could not be verified, not why. So the certificate is looked at once more when that
// happens: one that is out of its time is the cause that operators meet most. A connection that stands outlives its
// certificate without noticing, while new clients are turned away; so its end is remembered and looked at with each
// answer.

import Glibc
import Health
import NIOCore
import NIOSSL
import NIOTLS

/// TLS on one connection. Lives on the connection's event loop.
struct TLSLayer {
  /// What goes into the pipeline.
  let handler: NIOSSLClientHandler
  private let settings: TLSSettings
  private let target: Target

  /// - Parameter protocols: The application protocols to offer (ALPN, RFC 7301).
  init(_ settings: TLSSettings, to target: Target, protocols: [String]) throws(TLSUnusable) {
    let context = try TLSContexts.context(for: settings, protocols: protocols)
    do {
      handler = try NIOSSLClientHandler(context: context, serverHostname: settings.serverName)
    } catch {
      throw TLSUnusable(cause: "\(settings.serverName ?? "") cannot be asked for: \(error)")
    }
    self.settings = settings
    self.target = target
  }

  /// What has become of the server's certificate since TLS was agreed; nil when it is in its time.
  var fault: ProbeOutcome? {
    guard settings.verifies, let end = handler.peerCertificate?.notValidAfter, end <= Self.now else { return nil }
    return .tls("certificate expired on \(Self.date(end))")
  }

  /// That the server's certificate ends soon; nil when it does not.
  var warning: String? {
    guard settings.expiryWarning > .zero, let end = handler.peerCertificate?.notValidAfter else { return nil }
    let left = end - Self.now
    guard left <= settings.expiryWarning.components.seconds else { return nil }
    guard left > 0 else { return "certificate expired on \(Self.date(end))" }
    let days = left / 86_400
    return "certificate expires in \(days == 1 ? "1 day" : "\(days) days"), on \(Self.date(end))"
  }

  /// What was agreed, for people.
  var agreement: String {
    let version =
      switch handler.tlsVersion {
      case .tlsv13: "TLS 1.3"
      case .tlsv12: "TLS 1.2"
      case .tlsv11: "TLS 1.1"
      case .tlsv1: "TLS 1.0"
      case nil: "TLS"
      }
    let end = handler.peerCertificate.map { ", certificate until \(Self.date($0.notValidAfter))" } ?? ""
    return "\(version) agreed\(end)"
  }

  /// What an error of TLS says about the service; nil when the error is none of TLS.
  func outcome(of error: any Error) -> ProbeOutcome? {
    switch error {
    case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])), NIOSSLError.uncleanShutdown: .closed
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      .tls("certificate is not for \(settings.serverName ?? target.host)")
    case NIOSSLError.handshakeFailed(.sslError(let stack)): .tls(cause(of: stack))
    case NIOSSLError.handshakeFailed(let error): .tls("\(error)")
    case BoringSSLError.sslError(let stack): .tls(cause(of: stack))
    case let error as NIOSSLError: .tls("\(error)")
    case let error as BoringSSLError: .tls("\(error)")
    case let error as NIOSSLExtraError: .tls("\(error)")
    default: nil
    }
  }

  private func cause(of stack: NIOBoringSSLErrorStack) -> String {
    // Such as "Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at FILE:LINE".
    let text = stack.first?.description ?? ""
    let fields = text.split(separator: ":")
    let name = fields.count > 5 ? fields[5].prefix { $0 != " " } : ""
    switch name {
    case "CERTIFICATE_VERIFY_FAILED": return distrust
    case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "INVALID_OUTER_RECORD_TYPE":
      return "the server does not speak TLS"
    case "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION": return "no shared protocol version"
    case "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "NO_SHARED_CIPHER",
      "UNSUPPORTED_CIPHER", "WRONG_CIPHER_RETURNED":
      return "the server refused the handshake: no shared cipher, or no client certificate"
    case "TLSV1_ALERT_CERTIFICATE_REQUIRED": return "the server demands a client certificate"
    case "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
      "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_REVOKED", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
      "TLSV1_ALERT_ACCESS_DENIED":
      return "the server does not accept the client certificate"
    case "TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_UNRECOGNIZED_NAME":
      return "the server knows no \(settings.serverName ?? "such name")"
    case "NO_RENEGOTIATION": return "the server wants to negotiate again"
    case "EXCESSIVE_MESSAGE_SIZE": return "a handshake message that is too long"
    case "": return text.isEmpty ? "unknown cause" : text
    default: return String(name.lowercased().map { $0 == "_" ? " " : $0 })
    }
  }

  /// Why the server's certificate is not believed.
  private var distrust: String {
    guard let certificate = handler.peerCertificate else { return "certificate is not to be trusted" }
    if certificate.notValidAfter <= Self.now { return "certificate expired on \(Self.date(certificate.notValidAfter))" }
    if certificate.notValidBefore > Self.now {
      return "certificate is not valid before \(Self.date(certificate.notValidBefore))"
    }
    let trust = settings.authorities == nil ? "that this host trusts" : "in ca-file"
    let isSelfIssued = (try? certificate.toDERBytes()).map(CertificateNames.areEqual(inDER:)) ?? false
    return isSelfIssued
      ? "certificate is signed by itself, and not one \(trust)" : "certificate is of no authority \(trust)"
  }

  private static var now: Int { time(nil) }

  /// The day in UTC, such as "2026-01-31".
  private static func date(_ time: time_t) -> String {
    var time = time
    var parts = tm()
    guard gmtime_r(&time, &parts) != nil else { return "an unknown day" }
    let twoDigits = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(twoDigits(parts.tm_mon + 1))-\(twoDigits(parts.tm_mday))"
  }
}
