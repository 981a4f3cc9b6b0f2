/**
 * gRPC's server reflection: callers such as grpcurl ask which services there are, and for the files that declare them
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
 *
 * @module
 */
import { clone, create, createRegistry, type DescFile, fromBinary, type Registry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  file_grpc_reflection_v1_reflection as reflectionFile,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../messages/grpc/reflection/v1/reflection_pb.ts";
import { file_jumpstarter_v1_jumpstarter as exporterFile } from "../messages/jumpstarter/v1/jumpstarter_pb.ts";
import { file_jumpstarter_v1_router as routerFile } from "../messages/jumpstarter/v1/router_pb.ts";
import type { ServerStream } from "../rpc/types.ts";
import { reflectionPackages } from "./paths.ts";

type Answer = ServerReflectionResponse["messageResponse"];

const [v1, v1alpha] = reflectionPackages;

/** Services that stand in a file of an exporter's but are a controller's. */
const notServed = new Set(["jumpstarter.v1.ControllerService"]);

/** grpc's own numbers. */
const notFound = 5;
const unimplemented = 12;

/** What can be asked about. */
export class Reflection {
  readonly #services: string[];
  readonly #registry: Registry;
  /** Serialized files by name. */
  readonly #files = new Map<string, { bytes: Uint8Array; dependencies: readonly string[] }>();

  /** `files` declare the native services; those of every exporter are added. */
  constructor(files: readonly DescFile[]) {
    const all = [...files, exporterFile, routerFile, reflectionFile];
    this.#registry = createRegistry(...all);
    const services = all.flatMap((file) => file.services.map(({ typeName }) => typeName));
    this.#services = [...services, `${v1alpha}.ServerReflection`].filter((name) => !notServed.has(name)).sort();
    for (const file of all) this.#add(file);
    this.#addAlpha();
  }

  /** Answers a caller's questions until it has no more. */
  async serve(stream: ServerStream): Promise<void> {
    for (let message = await stream.receive(); message; message = await stream.receive()) {
      const request = fromBinary(ServerReflectionRequestSchema, message);
      const response = create(ServerReflectionResponseSchema, {
        validHost: request.host,
        originalRequest: request,
        messageResponse: this.#answer(request.messageRequest),
      });
      await stream.send(toBinary(ServerReflectionResponseSchema, response));
    }
  }

  #answer(request: ServerReflectionRequest["messageRequest"]): Answer {
    switch (request.case) {
      case "listServices":
        return list(this.#services);
      case "fileByFilename":
        return this.#file(request.value, request.value);
      case "fileContainingSymbol":
        return this.#file(this.#fileOf(request.value), request.value);
      case "allExtensionNumbersOfType":
        // proto3 has no extensions of our messages.
        return this.#registry.getMessage(request.value)
          ? { case: "allExtensionNumbersResponse", value: extensions(request.value) }
          : error(notFound, `There is no message ${request.value}`);
      case "fileContainingExtension":
        return error(notFound, "There are no extensions");
      default:
        return error(unimplemented, "Expected a question");
    }
  }

  #file(name: string | undefined, asked: string): Answer {
    if (name === undefined || !this.#files.has(name)) return error(notFound, `There is no ${asked}`);
    const names = new Set([name]);
    // A set that grows is walked to its end: these are the imports, and theirs.
    for (const one of names) {
      for (const dependency of this.#files.get(one)?.dependencies ?? []) names.add(dependency);
    }
    const fileDescriptorProto = [...names].flatMap((one) => this.#files.get(one)?.bytes ?? []);
    return {
      case: "fileDescriptorResponse",
      value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto },
    };
  }

  /** The name of the file that declares a symbol: a type, or a member of one. */
  #fileOf(symbol: string): string | undefined {
    if (symbol.startsWith(`${v1alpha}.`)) {
      return this.#fileOf(symbol.replace(v1alpha, v1)) && alphaName;
    }
    const found = this.#registry.get(symbol) ?? this.#registry.get(symbol.slice(0, symbol.lastIndexOf(".")));
    return found && `${found.file.name}.proto`;
  }

  #add(file: DescFile): void {
    const name = `${file.name}.proto`;
    if (this.#files.has(name)) return;
    this.#files.set(name, {
      bytes: toBinary(FileDescriptorProtoSchema, file.proto),
      dependencies: file.proto.dependency,
    });
    file.dependencies.forEach((dependency) => this.#add(dependency));
  }

  /** The older version's file is the newer one's, in another package. */
  #addAlpha(): void {
    const proto = clone(FileDescriptorProtoSchema, reflectionFile.proto);
    proto.name = alphaName;
    proto.package = v1alpha;
    const rename = (name: string) => name.replace(`.${v1}.`, `.${v1alpha}.`);
    for (const { field } of proto.messageType) field.forEach((one) => one.typeName = rename(one.typeName));
    for (const { method } of proto.service) {
      for (const one of method) [one.inputType, one.outputType] = [rename(one.inputType), rename(one.outputType)];
    }
    this.#files.set(alphaName, { bytes: toBinary(FileDescriptorProtoSchema, proto), dependencies: [] });
  }
}

const alphaName = "grpc/reflection/v1alpha/reflection.proto";

function list(services: readonly string[]): Answer {
  const service = services.map((name) => ({ $typeName: "grpc.reflection.v1.ServiceResponse" as const, name }));
  return { case: "listServicesResponse", value: { $typeName: "grpc.reflection.v1.ListServiceResponse", service } };
}

function extensions(baseTypeName: string) {
  return {
    $typeName: "grpc.reflection.v1.ExtensionNumberResponse" as const,
    baseTypeName,
    extensionNumber: [],
  };
}

function error(errorCode: number, errorMessage: string): Answer {
  return {
    case: "errorResponse",
    value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage },
  };
}
