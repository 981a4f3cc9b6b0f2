/** One exporter file for both programs: upstream's class paths, nested composites and proxies. @module */

/** The file's text, with the port of a TCP server that the exporter connects to. */
export function interopConfig(port: number): string {
  return `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: interop }
description: Everything that both programs know
export:
  power:
    type: jumpstarter_driver_power.driver.MockPower
    description: Main supply
    methods_description: { "on": Switch the supply on }
  echo: { type: jumpstarter_driver_network.driver.EchoNetwork }
  dead: { type: jumpstarter_driver_network.driver.TcpNetwork, config: { host: 127.0.0.1, port: 1 } }
  rack:
    children:
      shelf:
        children:
          tcp: { type: jumpstarter_driver_network.driver.TcpNetwork, config: { host: 127.0.0.1, port: ${port} } }
          hidden:
            type: jumpstarter_driver_network.driver.TcpNetwork
            config: { host: 127.0.0.1, port: ${port}, enable_address: false }
  serial: { type: jumpstarter_driver_pyserial.driver.PySerial, config: { url: "loop://" } }
  leaf: { ref: rack.shelf.tcp }
  branch: { ref: rack.shelf }
`;
}
