// Certificates of an authority made for the test: good ones, and each of the bad ones that operators meet.

import Glibc
import Testing

/// A directory with certificates. Needs the `openssl` program.
final class Certificates {
  let directory: String

  /// Makes the authority `ca.pem` and, each with its key, `good` (for www.example.net and mutual.example.net), `soon`
  /// (ends in 5 days), `expired`, `other` (for another name), `self` (signed by nobody else), `client`, `stranger` (a
  /// client of an authority that nobody knows), and `long` (a chain that never ends).
  init() throws {
    var template = Array("/tmp/baton-certificates-XXXXXX".utf8CString)
    directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    let script = """
      set -e; cd \(directory)
      key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $1.key; }
      authority() { key $1; openssl req -x509 -new -key $1.key -out $1.pem -days 30 -subj "/CN=$1"; }
      # NAME AUTHORITY SUBJECT-ALTERNATIVE-NAMES TIMES…
      issue() {
        name=$1; authority=$2; names=$3; shift 3
        key $name
        openssl req -new -key $name.key -subj "/CN=$name" -out $name.csr
        echo "subjectAltName=$names" > $name.ext
        openssl x509 -req -in $name.csr -CA $authority.pem -CAkey $authority.key -CAcreateserial \\
          -extfile $name.ext -out $name.pem "$@"
      }
      authority ca; authority unknown
      issue good ca DNS:www.example.net,DNS:mutual.example.net -days 30
      issue soon ca DNS:soon.example.net -days 5
      issue expired ca DNS:expired.example.net -days -1
      issue other ca DNS:elsewhere.example.org -days 30
      issue client ca DNS:client.example.net -days 30
      issue stranger unknown DNS:client.example.net -days 30
      key self; openssl req -x509 -new -key self.key -out self.pem -days 30 -subj /CN=self.example.net \\
        -addext subjectAltName=DNS:self.example.net
      cat good.pem good.key > good.both
      for i in $(seq 400); do cat good.pem; done > long.pem; cp good.key long.key
      """
    try #require(run(["sh", "-c", "{ \(script)\n} >\(directory)/log 2>&1"]) == 0, "these tests need openssl")
  }

  /// The path of a file.
  subscript(_ name: String) -> String { "\(directory)/\(name)" }

  deinit { _ = run(["rm", "-rf", directory]) }
}
