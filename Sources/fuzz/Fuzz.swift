// What libFuzzer calls (https://llvm.org/docs/LibFuzzer.html). FUZZ_TARGET names the door to push at; a broken promise
// is a crash like any other, so that the fuzzer keeps the bytes.

import Fuzzing
import Glibc

private let target: FuzzTarget = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    fatalError("set FUZZ_TARGET to one of \(names)")
  }
  return target
}()

/// Feeds one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(BrokenPromise) {
    _ = try target.feed(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    fatalError("broken promise: \(error)")
  }
  return 0
}
