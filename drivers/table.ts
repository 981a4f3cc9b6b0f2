/**
 * The bundled drivers by name. None is loaded before a config names it.
 *
 * @module
 */
import type { AnyDriver } from "../lib/contract/driver.ts";

/** A bundled driver: how it is loaded, and which Python class paths of existing exporter files mean it. */
export interface BundledDriver {
  readonly python: readonly string[];
  load(): Promise<{ default: AnyDriver }>;
}

const network = "jumpstarter_driver_network.driver";
const opendal = "jumpstarter_driver_opendal.driver";

export const bundledDrivers: Readonly<Record<string, BundledDriver>> = {
  "composite": {
    python: ["jumpstarter_driver_composite.driver.Composite"],
    load: () => import("./composite/mod.ts"),
  },
  "dbus-network": {
    python: [`${network}.DbusNetwork`],
    load: () => import("./dbus_network/mod.ts"),
  },
  "disk-flasher": {
    python: [],
    load: () => import("./disk_flasher/mod.ts"),
  },
  "echo-network": {
    python: [`${network}.EchoNetwork`],
    load: () => import("./echo_network/mod.ts"),
  },
  "mock-flasher": {
    python: [`${opendal}.MockFlasher`],
    load: () => import("./mock_flasher/mod.ts"),
  },
  "http-server": {
    python: ["jumpstarter_driver_http.driver.HttpServer"],
    load: () => import("./http_server/mod.ts"),
  },
  "mock-power": {
    python: ["jumpstarter_driver_power.driver.MockPower", "jumpstarter_driver_power.driver.SyncMockPower"],
    load: () => import("./mock_power/mod.ts"),
  },
  "nvdemux-serial": {
    python: ["jumpstarter_driver_pyserial.nvdemux.driver.NVDemuxSerial"],
    load: () => import("./nvdemux_serial/mod.ts"),
  },
  "mock-storage-mux": {
    python: [`${opendal}.MockStorageMux`],
    load: () => import("./mock_storage_mux/mod.ts"),
  },
  "mock-storage-mux-flasher": {
    python: [`${opendal}.MockStorageMuxFlasher`],
    load: () => import("./mock_storage_mux_flasher/mod.ts"),
  },
  "opendal": {
    python: [`${opendal}.Opendal`],
    load: () => import("./opendal/mod.ts"),
  },
  "serial": {
    python: ["jumpstarter_driver_pyserial.driver.PySerial"],
    load: () => import("./serial/mod.ts"),
  },
  "shell": {
    python: ["jumpstarter_driver_shell.driver.Shell"],
    load: () => import("./shell/mod.ts"),
  },
  "simulated-board": {
    python: [],
    load: () => import("./simulated_board/mod.ts"),
  },
  "ssh": {
    python: ["jumpstarter_driver_ssh.driver.SSHWrapper"],
    load: () => import("./ssh/mod.ts"),
  },
  "tcp-network": {
    python: [`${network}.TcpNetwork`],
    load: () => import("./tcp_network/mod.ts"),
  },
  "tftp-server": {
    python: ["jumpstarter_driver_tftp.driver.Tftp", "jumpstarter_driver_tftp.driver.TftpServer"],
    load: () => import("./tftp_server/mod.ts"),
  },
  "udp-network": {
    python: [`${network}.UdpNetwork`],
    load: () => import("./udp_network/mod.ts"),
  },
  "unix-network": {
    python: [`${network}.UnixNetwork`],
    load: () => import("./unix_network/mod.ts"),
  },
  "vnc": {
    python: ["jumpstarter_driver_vnc.driver.Vnc"],
    load: () => import("./vnc/mod.ts"),
  },
  "vsock-network": {
    python: [`${network}.VsockNetwork`],
    load: () => import("./vsock_network/mod.ts"),
  },
  "websocket-network": {
    python: [`${network}.WebsocketNetwork`],
    load: () => import("./websocket_network/mod.ts"),
  },
};
