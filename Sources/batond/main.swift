// batond: arguments in, guardian or agent on. People start the guardian; it starts the agent, and each starts the other
// anew when it dies (Docs/Decisions/0019-guardian.md).

import Agent
import Election
import Glibc
import Guardian
import Logging

func begin(
  _ options: AgentOptions,
  as role: (role: Role, descriptor: Int32)?,
  _ program: Program
) throws -> Int32 {
  let channel = try role.map { try Channel(inherited: $0.descriptor) }
  if role?.role == .agent, let channel {
    try Agent.run(options, guardian: GuardianLink(channel: channel, program: program))
    return 0
  }
  let services = ServiceManager()
  // The agent feeds the watchdog, whatever its process id (sd_watchdog_enabled(3)).
  unsetenv("WATCHDOG_PID")
  let surroundings = GuardianSurroundings(
    program: program,
    runtimeDirectory: options.runtimeDirectory,
    logger: Logger(label: "batond") { _ in StandardErrorLog() },
    keepAlive: { services.alive() }
  )
  guard let channel else { return Guardian.begin(surroundings) }
  return Guardian.takeOver(surroundings, channel: channel)
}

switch Arguments.parse(
  Array(CommandLine.arguments.dropFirst()),
  environment: { getenv($0).map { String(cString: $0) } }
) {
case .run(let options, let role, let given):
  do {
    exit(try begin(options, as: role, Program(name: CommandLine.arguments[0], arguments: given)))
  } catch {
    Arguments.complain("\(error)")
    // EX_CONFIG (sysexits(3)): a service manager need not try again.
    if case AgentError.configuration = error { exit(78) }
    exit(1)
  }
case .print(let text):
  print(text)
case .refuse(let message):
  Arguments.complain(message)
  exit(64)
}
