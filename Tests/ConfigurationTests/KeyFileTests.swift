// Key files: the format, the permissions, and that no message gives a secret away.

import Configuration
import Glibc
import Testing
import Wire

private let secretA = "00112233445566778899aabbccddeeff0123456789abcdef0123456789ABCDEF"
private let secretB = String(repeating: "1f", count: 31) + "20"

private func keyComplaints(about text: String) -> String {
  do throws(ConfigurationErrors) {
    _ = try KeyFile.parse(text: text, fileName: "key")
    return ""
  } catch {
    return error.description
  }
}

@Test func `keys are read in their order, the signing one first`() throws {
  let keys = try KeyFile.parse(
    text: "# the cluster's keys\n\n2 \(secretB)\n  1\t\(secretA) # the old one\r\n",
    fileName: "key"
  )
  #expect(keys.map(\.id) == [2, 1])
  #expect(keys.first?.secret == Array(repeating: 0x1f, count: 31) + [0x20])
  #expect(keys.last?.secret.prefix(4) == [0x00, 0x11, 0x22, 0x33])
  #expect(keys.last?.secret.last == 0xef)
}

@Test func `a key is written as it is read`() throws {
  var generator = SystemRandomNumberGenerator()
  let key = SharedKey(id: 7, using: &generator)
  #expect(try KeyFile.parse(text: KeyFile.line(for: key), fileName: "key") == [key])
}

@Test(arguments: [
  ("", "key: error: no key in the key file; `baton keygen` makes a file with one"),
  ("# nothing\n", "key: error: no key in the key file; `baton keygen` makes a file with one"),
  (
    "\n1\n",
    "key:2:1: error: expected a key's number and its secret, found one word only; write `1 64-HEXADECIMAL-DIGITS`"
  ),
  (
    "1 \(secretA) x",
    "key:1:1: error: expected a key's number and its secret, found 3 words; write `1 64-HEXADECIMAL-DIGITS`"
  ),
  ("256 \(secretA)", "key:1:1: error: expected the key's number, 0 to 255; begin the line with `1`"),
  ("-1 \(secretA)", "key:1:1: error: expected the key's number, 0 to 255; begin the line with `1`"),
  ("\(secretA) 1", "key:1:1: error: expected the key's number, 0 to 255; begin the line with `1`"),
  (
    "1 \(secretA.dropLast())",
    "key:1:3: error: expected a secret of 64 hexadecimal digits, found 63; was it copied whole?"
  ),
  (
    "1 \(secretA)0", "key:1:3: error: expected a secret of 64 hexadecimal digits, found 65; was it copied whole?"
  ),
  (
    "  1 00g\(secretA.dropFirst(3))",
    "key:1:7: error: the secret contains a character that is no hexadecimal digit; "
      + "use 0-9 and a-f only; was it copied whole?"
  ),
  (
    "1 \(String(repeating: "0", count: 64))",
    "key:1:3: error: the secret repeats one byte, anybody could guess it; make one with `baton keygen`"
  ),
  (
    "1 \(secretA)\n1 \(secretB)\n0x2 \(secretB)",
    """
    key:2:1: error: a key with the number 1 stands in line 1 already; give each key a number of its own, the same on \
    every node
    key:3:1: error: expected the key's number, 0 to 255; begin the line with `1`
    """
  ),
])
func `mistakes in a key file are found where they stand`(text: String, expected: String) {
  #expect(keyComplaints(about: text) == expected)
}

@Test func `no message and no description gives a secret away`() throws {
  for end in secretA.indices {
    let message = keyComplaints(about: "1 \(secretA[..<end])\n\(secretB) 2\n")
    #expect(!message.contains("00112233"))
    #expect(!message.contains("1f1f1f1f"))
  }
  let key = try #require(KeyFile.parse(text: "1 \(secretA)", fileName: "key").first)
  var dumped = ""
  dump(key, to: &dumped)
  #expect("\(key) \(String(reflecting: key)) \([key]) \(dumped)" == "key 1 key 1 [key 1] ▿ key 1\n  - id: 1\n")
}

@Test(arguments: [0o600, 0o400, 0o640, 0o440] as [mode_t])
func `a key file that only its owner and group can read is accepted`(mode: mode_t) throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("key", Array("1 \(secretA)\n".utf8), permissions: mode)
  #expect(try KeyFile.load(path: path).map(\.id) == [1])
}

@Test(
  arguments: [
    (0o644, "others than its owner have access to the key file (mode 0644)"),
    (0o602, "others than its owner have access to the key file (mode 0602)"),
    (0o601, "others than its owner have access to the key file (mode 0601)"),
    (0o660, "the key file's group may change it (mode 0660)"),
  ] as [(mode_t, String)]
)
func `a key file that others can reach is an error that says what to run`(mode: mode_t, message: String) throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("key", Array("1 \(secretA)\n".utf8), permissions: mode)
  let error = #expect(throws: ConfigurationErrors.self) { try KeyFile.load(path: path) }
  #expect(
    error?.description
      == "\(path): error: \(message), and whoever has the key can move the addresses; run `chmod 600 \(path)`"
  )
}

@Test func `permissions and contents are reported together`() throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("key", Array("1 00\n".utf8), permissions: 0o644)
  let error = #expect(throws: ConfigurationErrors.self) { try KeyFile.load(path: path) }
  #expect(error?.diagnostics.count == 2)
}

@Test func `a missing key file says how to make one`() {
  let error = #expect(throws: ConfigurationErrors.self) { try KeyFile.load(path: "/nonexistent/key") }
  #expect(
    error?.description
      == "/nonexistent/key: error: the key file: cannot open it: ENOENT (No such file or directory); "
      + "`baton keygen /nonexistent/key` makes one, to be copied to every node"
  )
}

@Test func `keygen makes a private file with a key that is never the same`() throws {
  let directory = try TemporaryDirectory()
  let (first, second) = ("\(directory.path)/first", "\(directory.path)/second")
  let key = try KeyFile.generate(path: first)
  #expect(try KeyFile.load(path: first) == [key])
  #expect(try KeyFile.generate(path: second, id: 2).secret != key.secret)
  #expect(try KeyFile.load(path: second).map(\.id) == [2])
  var information = stat()
  try #require(stat(first, &information) == 0)
  #expect(information.st_mode & 0o7777 == 0o600)
}

@Test func `keygen never touches a file that exists`() throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("key", Array("precious".utf8))
  let error = #expect(throws: KeyGenerationError.self) { try KeyFile.generate(path: path) }
  #expect(
    error?.description
      == "create \(path): EEXIST (File exists); "
      + "Baton never overwrites a key; remove the file first if no node needs it any more"
  )
  #expect(keyComplaints(about: "precious").contains("one word only"))
  let after = #expect(throws: ConfigurationErrors.self) { try KeyFile.load(path: path) }
  #expect(after?.description.contains("found one word only") == true)
  // A dangling symbolic link is not followed either.
  let link = "\(directory.path)/link"
  try #require(symlink("\(directory.path)/elsewhere", link) == 0)
  #expect(throws: KeyGenerationError.self) { try KeyFile.generate(path: link) }
  #expect(TemporaryDirectory.entries(of: directory.path) == ["key", "link"])
}

@Test func `keygen in a directory that is not there says so`() {
  let error = #expect(throws: KeyGenerationError.self) { try KeyFile.generate(path: "/nonexistent/key") }
  #expect(
    error?.description == "create /nonexistent/key: ENOENT (No such file or directory); make the directory first"
  )
}

@Test func `a shared key has 32 bytes`() {
  #expect(SharedKey(id: 1, secret: Array(1...31)) == nil)
  #expect(SharedKey(id: 1, secret: Array(1...33)) == nil)
  #expect(SharedKey(id: 1, secret: Array(1...32))?.secret == Array(1...32))
}
