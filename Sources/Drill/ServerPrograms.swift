// Servers as programs in Python, for what no package of Debian does.

/// Their texts, for `python3 -c`.
package enum ServerPrograms {
  /// A gRPC server with the health service. Arguments: where to listen; `plain`, `tls`, `bare` (without a health
  /// service), `broken`, or `alone` (until SIGTERM; all others until their input ends); and a directory with certificates
  /// for TLS, or for its socket, or `-`. Says `ready`, then takes `set SERVICE STATUS` and `stop`.
  package static let grpc = """
    import signal, sys, grpc
    from concurrent.futures import ThreadPoolExecutor
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    address, kind, directory = sys.argv[1:4]
    # Of the threads that follow none shall take it.
    if kind == "alone": signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    # As many threads as calls that may hang at the same time.
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    health_service = health.HealthServicer()
    class Broken(health_pb2_grpc.HealthServicer):
        def Check(self, request, context):
            context.abort(grpc.StatusCode.UNAVAILABLE, "out of order")
    if kind == "broken": health_pb2_grpc.add_HealthServicer_to_server(Broken(), server)
    elif kind != "bare": health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    if kind == "tls":
        read = lambda name: open(directory + "/" + name, "rb").read()
        server.add_secure_port(address, grpc.ssl_server_credentials([(read("good.key"), read("good.pem"))]))
    else: server.add_insecure_port(address)
    if kind == "plain" and directory != "-": server.add_insecure_port("unix:" + directory + "/grpc")
    server.start()
    print("ready", flush=True)
    if kind == "alone":
        signal.sigwait([signal.SIGTERM])
        server.stop(1).wait()
        sys.exit()
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "stop": server.stop(5).wait(); break
        service, status = rest[0] if len(rest) > 1 else "", rest[-1]
        health_service.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
        print("set", flush=True)
    """
}
