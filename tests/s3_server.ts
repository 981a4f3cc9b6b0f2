/** moto's S3 in a process of its own, which checks signatures by Amazon's own code. @module */
import { withLimit } from "../lib/core/limit.ts";
import { pythonPackages } from "./interop/python.ts";

/** A server with a bucket, and the keys of somebody who may use it. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly keys: { readonly access_key_id: string; readonly secret_access_key: string };
  /** Runs a script with Amazon's client as `s3`, and resolves to what it prints. */
  python(script: string): Promise<string>;
}

const folder = await pythonPackages("s3");

/** Whether there is such a server here. */
export const hasS3 = folder !== undefined;

/** A test with an S3 server. Where there is none it is skipped, and with `CI` in the environment it fails. */
export function s3Test(name: string, fn: (server: S3Server) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !hasS3,
    async fn() {
      await using server = await startS3();
      await fn(server);
    },
  });
}

/** Starts a server with an empty bucket. */
export async function startS3(): Promise<S3Server> {
  await using stack = new AsyncDisposableStack();
  const keys = { access_key_id: "AKIABENCH", secret_access_key: "bench/secret+key" };
  const file = new URL("./s3_server.py", import.meta.url).pathname;
  const server = new Deno.Command(`${folder}/bin/python`, {
    args: ["-W", "ignore", file, keys.access_key_id, keys.secret_access_key],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = server.stdout.getReader();
  stack.defer(async () => {
    server.kill("SIGKILL");
    await server.status;
    await output.cancel();
  });
  const { value: said } = await withLimit(output.read(), 60_000, "The start of the S3 server");
  const endpoint = `http://127.0.0.1:${new TextDecoder().decode(said).trim()}`;
  const region = "eu-central-1";
  const client = `
import boto3, json
from botocore.config import Config
s3 = boto3.client("s3", endpoint_url="${endpoint}", region_name="${region}", aws_access_key_id="${keys.access_key_id}",
  aws_secret_access_key="${keys.secret_access_key}",
  config=Config(signature_version="s3v4", s3={"addressing_style": "path", "payload_signing_enabled": True},
    request_checksum_calculation="when_required"))
`;
  const python = async (script: string) => {
    const { success, stdout, stderr } = await new Deno.Command(`${folder}/bin/python`, {
      args: ["-c", client + script],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  };
  await python(`s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": "${region}"})`);
  const owned = stack.move();
  return { endpoint, bucket: "images", region, keys, python, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
