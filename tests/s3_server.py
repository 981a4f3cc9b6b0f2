"""moto's S3 behind a gate that checks every signature by Amazon's own code. Prints its port, and serves until it is killed."""

import datetime
import hashlib
import io
import sys
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

key, secret = sys.argv[1:3]


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


def refusal(environ, body):
    """What is wrong with a request, or nothing."""
    url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    names = [name for name in environ if name.startswith(("HTTP_", "CONTENT_"))]
    headers = {name.removeprefix("HTTP_").replace("_", "-").lower(): environ[name] for name in names}
    given = headers.get("authorization", "")
    if "X-Amz-Signature" in query:
        fields = {name[6:]: values[0] for name, values in query.items() if name.startswith("X-Amz-")}
        url = url.replace(f"&X-Amz-Signature={fields['Signature']}", "")
        auth, date = S3SigV4QueryAuth, fields["Date"]
        age = datetime.datetime.utcnow() - datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        if age.total_seconds() > int(fields["Expires"]):
            return "AccessDenied"
    elif given.startswith("AWS4-HMAC-SHA256 "):
        fields = dict(field.strip().split("=", 1) for field in given.split(" ", 1)[1].split(","))
        auth, date = S3SigV4Auth, headers["x-amz-date"]
        if headers["x-amz-content-sha256"] not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return "XAmzContentSHA256Mismatch"
    else:
        return "AccessDenied"
    signed = {name: headers[name] for name in fields["SignedHeaders"].split(";")}
    access_key, _, region, service, _ = fields["Credential"].split("/")
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, data=body, headers=signed)
    request.context["timestamp"] = date
    by = auth(Credentials(key, secret), service, region)
    expected = by.signature(by.string_to_sign(request, by.canonical_request(request)), request)
    return None if access_key == key and expected == fields["Signature"] else "SignatureDoesNotMatch"


moto = DomainDispatcherApplication(create_backend_app)


def gate(environ, respond):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    code = refusal(environ, body)
    if code is None:
        return moto(environ, respond)
    respond("403 Forbidden", [("content-type", "application/xml")])
    return [f"<Error><Code>{code}</Code><Message>Refused by the gate</Message></Error>".encode()]


server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
