// What TLS needs before the first connection: certificates and keys from files, and the parsed trust store.
//
// Making a context costs milliseconds and up to a megabyte, since the system's trust store has some hundred
// certificates. So there is one for each way to speak TLS, made when it is first needed, and made anew when a file has
// changed since: a renewed client certificate is used from the next connection on.

import Glibc
import Health
import NIOSSL
import Synchronization

/// TLS cannot be spoken as configured; says which file is at fault and why.
struct TLSUnusable: Error {
  let cause: String
}

/// Makes contexts and keeps them.
enum TLSContexts {
  /// What makes two contexts the same.
  private struct Key: Hashable {
    let verifies: Bool
    let authorities: String?
    let identity: TLSSettings.Identity?
    let protocols: [String]
  }

  private struct Entry {
    let stamps: [FileStamp]
    let context: NIOSSLContext
  }

  /// The system's trust store is the first of these that is there, as the library knows them.
  private static let systemStores = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
  /// More than any configuration has; past it all are forgotten, those of probes long gone among them.
  private static let most = 64
  private static let entries = Mutex<[Key: Entry]>([:])

  /// The context for these settings, which may read files and then blocks for milliseconds.
  ///
  /// - Parameter protocols: The application protocols to offer (ALPN, RFC 7301).
  static func context(for settings: TLSSettings, protocols: [String]) throws(TLSUnusable) -> NIOSSLContext {
    let key = Key(
      verifies: settings.verifies,
      authorities: settings.authorities,
      identity: settings.identity,
      protocols: protocols
    )
    var stamps: [FileStamp] = []
    for file in settings.files { stamps.append(try FileStamp(of: file)) }
    if settings.verifies, settings.authorities == nil {
      stamps += systemStores.compactMap { try? FileStamp(of: $0) }
    }
    let known = entries.withLock { $0[key] }
    if let known, known.stamps == stamps { return known.context }
    let context = try make(settings, protocols: protocols)
    entries.withLock { [stamps] entries in
      if entries.count >= most { entries = [:] }
      entries[key] = Entry(stamps: stamps, context: context)
    }
    return context
  }

  private static func make(_ settings: TLSSettings, protocols: [String]) throws(TLSUnusable) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = settings.verifies ? .fullVerification : .none
    configuration.applicationProtocols = protocols
    // A server that does not answer the farewell is not waited for.
    configuration.shutdownTimeout = .milliseconds(100)
    if let file = settings.authorities {
      configuration.trustRoots = .certificates(try certificates(in: file))
    }
    if let identity = settings.identity {
      configuration.certificateChain = try certificates(in: identity.certificate).map { .certificate($0) }
      do {
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem))
      } catch {
        throw TLSUnusable(cause: "\(identity.key) holds no private key that can be read without a passphrase")
      }
    }
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      // The key was read; what can still be wrong with it is that it is another one's.
      if let identity = settings.identity, case NIOSSLError.failedToLoadPrivateKey = error {
        throw TLSUnusable(cause: "\(identity.key) is not the key of \(identity.certificate)")
      }
      throw TLSUnusable(cause: "no TLS context: \(error)")
    }
  }

  private static func certificates(in file: String) throws(TLSUnusable) -> [NIOSSLCertificate] {
    let certificates = (try? NIOSSLCertificate.fromPEMFile(file)) ?? []
    guard !certificates.isEmpty else { throw TLSUnusable(cause: "\(file) holds no certificate in PEM") }
    return certificates
  }
}

/// What tells one content of a file from another.
private struct FileStamp: Hashable {
  let inode: UInt64
  let size: Int
  let seconds: Int
  let nanoseconds: Int

  /// - Throws: When there is no regular file to be read.
  init(of path: String) throws(TLSUnusable) {
    var information = stat()
    guard stat(path, &information) == 0, access(path, R_OK) == 0 else {
      throw TLSUnusable(cause: "cannot read \(path): \(Connecting.name(ofErrno: errno))")
    }
    guard information.st_mode & S_IFMT == S_IFREG else { throw TLSUnusable(cause: "\(path) is not a regular file") }
    inode = UInt64(information.st_ino)
    size = information.st_size
    seconds = information.st_mtim.tv_sec
    nanoseconds = information.st_mtim.tv_nsec
  }
}
