import Drill
import Glibc
do {
  let w = try Workspace()
  let lab = try Lab(workspace: w)
  let services = try lab.hosts.map { h throws(DrillError) in try Service(on: h, workspace: w, fallback: nil) }
  try Command.run(["ip", "-n", lab.hosts[0].namespace, "addr", "add", "10.77.0.100/24", "dev", "eth0"])
  let watch = try ARPWatch(in: lab)
  let prober = try Prober(in: lab.clientNamespace)
  print(MonotonicClock.wait(atMost: .seconds(3)) { watch.answered(by: [lab.hosts[0]]) })
  let t0 = MonotonicClock.now
  MonotonicClock.sleep(for: .seconds(5))
  try Command.run(["ip", "-n", lab.hosts[1].namespace, "addr", "add", "10.77.0.100/24", "dev", "eth0"])
  MonotonicClock.sleep(for: .milliseconds(300))
  try Command.run(["ip", "-n", lab.hosts[0].namespace, "addr", "del", "10.77.0.100/24", "dev", "eth0"])
  MonotonicClock.sleep(for: .milliseconds(300))
  try Command.run(["ip", "netns", "exec", lab.hosts[1].namespace, "sh", "-c", "arping -U -c 1 -w 1 -I eth0 -S 10.77.0.100 10.77.0.100; true"])
  MonotonicClock.sleep(for: .seconds(2))
  let c = try prober.stop().within(t0..<MonotonicClock.now)
  let a = try watch.stop().within(t0..<MonotonicClock.now)
  print(c.attempts.count, c.lost, c.longestOutage.readable, c.longestPause.readable, c.slowestAnswer.readable, a.twoHosts.readable, a.takeovers, a.questions.count)
  print(c.attempts.count { $0.host == 0 }, c.attempts.count { $0.host == 1 })
  let lat = c.attempts.compactMap(\.latency).sorted(); print(lat[lat.count/2].readable, lat[lat.count*99/100].readable)
  for n in Files.names(in: "/proc/self/task") { print(n, Files.text(of: "/proc/self/task/\(n)/schedstat")!) }
  var u = rusage(); getrusage(0, &u); print(u.ru_utime, u.ru_stime)
  for s in services { print(s.isRunning) }
  w.close()
} catch { print(error) }
