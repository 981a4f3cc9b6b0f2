/** The page around noVNC: the screen, a line that says what goes on, and a form for a password. @module */

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Screen</title>
<link rel="stylesheet" href="page.css">
<main></main>
<output>Connecting …</output>
<dialog>
  <form method="dialog">
    <p>The device asks who you are.</p>
    <label id="username">User <input name="username" autocomplete="off"></label>
    <label>Password <input name="password" type="password" autocomplete="off"></label>
    <button>Log in</button>
  </form>
</dialog>
<script type="module" src="page.js"></script>
</html>
`;

export const pageStyle = `html, body, main { height: 100%; margin: 0; background: #222; }
output { position: fixed; left: 0; right: 0; top: 0; padding: 0.4em 1em; font: 16px sans-serif; color: #fff; background: #b50; }
output:empty { display: none; }
dialog { font: 16px sans-serif; }
label { display: block; margin-bottom: 0.6em; }
`;

export const pageScript = `import RFB from "./rfb.js";

const said = document.querySelector("output");
const dialog = document.querySelector("dialog");
const address = new URL("socket", location.href);
address.protocol = "ws:";

const rfb = new RFB(document.querySelector("main"), address.href);
rfb.scaleViewport = true;

function say(text, state) {
  said.textContent = text;
  document.body.dataset.state = state;
}

rfb.addEventListener("connect", () => say("", "connected"));
rfb.addEventListener("desktopname", ({ detail }) => document.title = detail.name);
rfb.addEventListener("securityfailure", ({ detail }) => say("The device refuses: " + (detail.reason ?? "wrong password"), "refused"));
rfb.addEventListener("disconnect", ({ detail }) => {
  if (document.body.dataset.state === "refused") return;
  say(detail.clean ? "The connection has ended. Reload this page for a new one." : "There is no connection to the device. Reload this page to try again.", "ended");
});
rfb.addEventListener("credentialsrequired", ({ detail }) => {
  document.getElementById("username").hidden = !detail.types.includes("username");
  dialog.onclose = () => rfb.sendCredentials(Object.fromEntries(new FormData(dialog.querySelector("form"))));
  dialog.showModal();
});
`;
