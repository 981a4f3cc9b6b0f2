/** What native calls are recognised by, known without loading what serves them. @module */

/** The request header that says which driver is meant. */
export const driverHeader = "x-jumpstarter-driver-uuid";

/** The versions of gRPC's reflection, newest first; their messages are the same. */
export const reflectionPackages = ["grpc.reflection.v1", "grpc.reflection.v1alpha"] as const;

/** Paths of the reflection's one method. */
export const reflectionPaths: readonly string[] = reflectionPackages.map((name) =>
  `/${name}.ServerReflection/ServerReflectionInfo`
);
