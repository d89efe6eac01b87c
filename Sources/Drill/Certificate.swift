// Certificates for the servers of the lab, some of which must end at a known second.

import Glibc

/// A certificate that vouches for itself. Needs the `openssl` program.
enum Certificate {
  /// The name that it is for.
  static let name = "www.example.net"

  /// Makes `certificate.pem`, `certificate.key` and `certificate.both` in a directory, anew.
  ///
  /// - Parameter span: How long from now it lasts, in whole seconds; sets the modification time of `certificate.pem` to
  ///   the end.
  static func make(in directory: String, lasting span: Duration) throws(DrillError) {
    // Of openssl's commands this one alone takes an end to the second.
    let script = """
      set -e; cd '\(directory)'; rm -f index* serial*; : > index; echo 01 > serial
      cat > ca.cnf <<END
      [ca]
      default_ca = all
      [all]
      database = index
      serial = serial
      new_certs_dir = .
      default_md = sha256
      copy_extensions = copy
      policy = policy
      [policy]
      commonName = supplied
      [req]
      distinguished_name = empty
      [empty]
      END
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out certificate.key
      openssl req -new -config ca.cnf -key certificate.key -subj /CN=\(name) -addext subjectAltName=DNS:\(name) -out csr
      end=$(( $(date +%s) + \(span.components.seconds) ))
      openssl ca -batch -selfsign -notext -config ca.cnf -keyfile certificate.key -in csr -out certificate.pem \\
        -startdate 20200101000000Z -enddate $(date -u -d @$end +%Y%m%d%H%M%SZ)
      cat certificate.pem certificate.key > certificate.both
      touch -d @$end certificate.pem
      """
    try Tool.run(["sh", "-c", script])
  }

  /// When the certificate in a directory ends, in whole seconds of the wall clock.
  static func end(in directory: String) throws(DrillError) -> Int {
    var status = stat()
    guard stat(directory + "/certificate.pem", &status) == 0 else {
      throw .system("look at", directory + "/certificate.pem")
    }
    return status.st_mtim.tv_sec
  }
}
