// A phone in a page, by JsSIP: it registers, calls and is called, with the microphone and the camera of the browser.
// What becomes of it stands in `phone`, for whoever looks.
const phone = { states: [], session: null, messages: [], recording: false };

/** Register. url: the WebSocket of the proxy. uri: who we are. */
phone.start = (url, uri) =>
  new Promise((resolve, reject) => {
    const sockets = [new JsSIP.WebSocketInterface(url)];
    phone.ua = new JsSIP.UA({ sockets, uri, register: true, session_timers: false });
    phone.ua.on("registered", (data) => resolve(data.response.status_code));
    phone.ua.on("registrationFailed", (data) => reject(new Error(data.cause)));
    phone.ua.on("newRTCSession", ({ session }) => follow(session));
    phone.ua.on("newMessage", ({ originator, request }) => {
      if (originator === "remote") phone.messages.push(request.body);
    });
    phone.ua.start();
  });

// A small picture: two of them are made and read at once, beside all else that the tests do.
const MEDIA = {
  mediaConstraints: { audio: true, video: { width: 160, height: 120, frameRate: 10 } },
  pcConfig: { iceServers: [] },
};

/** No picture, and a voice that is kept, and that nobody improves: a steady tone would count as noise. */
phone.onlyVoice = () => {
  MEDIA.mediaConstraints = {
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    video: false,
  };
  phone.recording = true;
};

phone.call = (target) => void phone.ua.call(target, MEDIA);
phone.answer = () => phone.session.answer(MEDIA);
phone.hangUp = () => phone.session.terminate();

/** "hold" or "unhold", until the other one has agreed to it. */
phone.reoffer = (what) =>
  new Promise((resolve, reject) => phone.session[what]({}, resolve) || reject(new Error("another offer is open")));

function follow(session) {
  phone.session = session;
  phone.states = [];
  // Who takes a call is the client of DTLS, unless the caller wants to be it. The first message of Chromium does not fit
  // into one datagram, and the mbedTLS in Linphone cannot put it together again: so the caller is made to want it.
  session.on("sdp", (data) => {
    if (data.originator === "remote") data.sdp = data.sdp.replace("a=setup:actpass", "a=setup:active");
  });
  const connected = (connection) => connection.addEventListener("track", (event) => show(event.streams[0]));
  if (session.connection) connected(session.connection);
  else session.on("peerconnection", (data) => connected(data.peerconnection));
  for (const state of ["progress", "accepted", "confirmed", "ended", "failed", "hold", "unhold"]) {
    session.on(state, (data) => phone.states.push(data?.cause ? `${state}: ${data.cause}` : state));
  }
}

/** Sound is decoded only where somebody listens. */
function show(stream) {
  if (phone.recording) record(stream);
  const screen = document.body.appendChild(document.createElement("video"));
  screen.autoplay = true;
  screen.srcObject = stream;
}

/** What has been heard and seen of the other one so far. */
phone.received = async () => {
  const found = { sound: 0, energy: 0, frames: 0 };
  for (const report of (await phone.session.connection.getStats()).values()) {
    if (report.type !== "inbound-rtp") continue;
    if (report.kind === "audio") {
      found.sound = report.bytesReceived;
      found.energy = report.totalAudioEnergy ?? 0;
    } else found.frames = report.framesDecoded ?? 0;
  }
  return found;
};

const RATE = 8000;
const BLOCK = 1024;
let sound = [];

/** Keep what the other one says, from its beginning. */
function record(stream) {
  const listener = new AudioContext({ sampleRate: RATE });
  const recorder = listener.createScriptProcessor(BLOCK, 1, 1);
  const blocks = (sound = []);
  recorder.onaudioprocess = ({ inputBuffer }) =>
    blocks.push(Int16Array.from(inputBuffer.getChannelData(0), (sample) => 32767 * sample));
  listener.createMediaStreamSource(stream).connect(recorder).connect(listener.destination);
}

/** It, as 16-bit samples in base64. */
phone.heard = () => {
  const bytes = sound.flatMap((block) => Array.from(new Uint8Array(block.buffer)));
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
};
