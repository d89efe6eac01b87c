// The wording of failures, which reaches logs and `baton why`.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

@Suite struct SystemErrorTests {
  let address = VirtualAddress(address: IPAddress(v4: 0x0a00_0005), prefixLength: 24, interface: "eth0")

  @Test func failureNamesOperationObjectAndCause() {
    let failure = AddressFailure(operation: .add, address: address, cause: SystemError(code: EPERM))
    #expect(failure.description == "add 10.0.0.5/24 on eth0: EPERM (Operation not permitted)")
  }

  @Test func theKernelsRemarkFollows() {
    let cause = SystemError(code: EINVAL, detail: "ipv4: Invalid prefix length")
    let error = NetworkError(operation: "list addresses", cause: cause)
    #expect(error.description == "list addresses: EINVAL (Invalid argument): ipv4: Invalid prefix length")
  }

  @Test func unknownNumber() {
    #expect(SystemError(code: 4_000).description == "errno 4000")
  }
}
