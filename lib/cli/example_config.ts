/** The file that `exporter init` prints. @module */

/** A config that runs anywhere, with examples of real drivers. */
export const exampleConfig = `# yaml-language-server: $schema=./bench.schema.json
# Editors with a YAML language server then complete and check this file; nothing else reads the line above. Make the
# schema beside it, or remove the line: jumpstarter exporter schema > bench.schema.json

# What this machine offers, and how. Check it with: jumpstarter exporter check FILE
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata:
  namespace: default
  name: bench

export:
  # A board that exists in memory only: everything works without hardware.
  board:
    type: simulated-board
  # Other names for its parts, as a real bench would have them.
  power:
    ref: board.power
  console:
    ref: board.console
  net:
    ref: board.web

  # A serial port; ls /dev/serial/by-id tells how yours is named:
  # uart:
  #   type: serial
  #   config:
  #     url: /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0
  #     baudrate: 115200
  # A TCP port of a real device:
  # ssh:
  #   type: tcp-network
  #   config:
  #     host: 192.0.2.7
  #     port: 22
  # A driver of your own, from a file beside this one:
  # relay:
  #   type: ./relay.ts
`;
