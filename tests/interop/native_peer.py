"""Lists and calls every native method of an exporter through its reflection, and prints what came of it as JSON."""

import json
import sys

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, drivers = sys.argv[1], json.loads(sys.argv[2])
channel = grpc.insecure_channel(address)
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)
outcome = {}


def call(method, metadata):
    """The answers of a method to a message without content, or the status."""
    request = message_factory.GetMessageClass(method.input_type)()
    answers = message_factory.GetMessageClass(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    options = dict(request_serializer=lambda it: it.SerializeToString(), response_deserializer=answers.FromString)
    kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
    stub = getattr(channel, kind)(path, **options)
    try:
        if method.client_streaming:
            request.payload = b"hi"
            stream = stub(iter([request]), metadata=metadata, timeout=10)
            answer = next(stream).payload.decode()
            stream.cancel()
            return f"said {answer}"
        result = stub(request, metadata=metadata, timeout=10)
        result = list(result) if method.server_streaming else [result]
        return [json_format.MessageToDict(one, always_print_fields_with_no_presence=True) for one in result]
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"


for service in sorted(database.get_services()):
    if not service.startswith("jumpstarter.interfaces."):
        continue
    descriptor = pool.FindServiceByName(service)
    for uuid in drivers[service]:
        metadata = [("x-jumpstarter-driver-uuid", uuid)]
        for method in descriptor.methods:
            outcome.setdefault(service, {})[method.name] = call(method, metadata)

print(json.dumps({"services": sorted(database.get_services()), "outcome": outcome}))
