// batond: arguments in, agent on.

import Agent
import Election
import Glibc

switch Arguments.parse(
  Array(CommandLine.arguments.dropFirst()),
  environment: { getenv($0).map { String(cString: $0) } }
) {
case .run(let options):
  do throws(AgentError) {
    try Agent.run(options)
  } catch {
    Arguments.complain("\(error)")
    // EX_CONFIG (sysexits(3)): a service manager need not try again.
    if case .configuration = error { exit(78) }
    exit(1)
  }
case .print(let text):
  print(text)
case .refuse(let message):
  Arguments.complain(message)
  exit(64)
}
