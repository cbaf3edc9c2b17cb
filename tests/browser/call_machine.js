// Stands in for the code that Daily's page library loads from Daily's host, as the library of daily-js 0.90 talks to it:
// rooms are those of the repository's own stand-in for Daily, joined over one WebSocket instead of WebRTC. It proves
// what the page does with Daily's library and its events; it proves nothing of Daily's code, media, or network.
(() => {
  const HUB = "@HUB@"; // its address; whoever serves this file puts it in
  const WHAT = "iframe-call-message";
  const PLAY_AHEAD_SECONDS = 0.08;
  const SPOKEN_RATE = 16_000; // Chromium's fake microphone has 48 kHz
  const PACKET_SAMPLES = SPOKEN_RATE / 50;
  const calls = new Map();

  class Call {
    constructor(id) {
      this.id = id;
      this.people = new Map();
      this.context = new AudioContext();
      const state = { local: { streams: {}, public: { subscribedTracks: { ALL: true } } }, participants: {}, streams: {} };
      this.state = state;
      window._daily.instances[id].callMachine = { store: { getState: () => state }, reset: () => undefined };
    }

    tell(message) {
      window.postMessage({ what: WHAT, callClientId: this.id, from: "embedded", ...message }, location.origin);
    }

    answer(message, fields) {
      this.tell({ action: message.action, callbackStamp: message.callbackStamp, ...fields });
    }

    hear(message) {
      switch (message.action) {
        case "join-meeting":
          return this.join(message.properties);
        case "leave-meeting":
          return this.leave();
        case "app-msg":
          return this.ask({ type: "app-message", data: message.data, to: message.to === "*" ? null : message.to });
        case "local-audio":
          return this.ask({ type: "microphone", on: message.state });
        case "set-input-devices":
          this.speak();
          return this.answer(message, { camera: {}, mic: {}, speaker: {} });
        case "get-calc-stats":
          return this.answer(message, { stats: { latest: { networkRoundTripTime: 0.02, audioRecvPacketLoss: 0 } } });
        case "lib-room-info":
          return this.answer(message, {});
      }
    }

    join({ url, token }) {
      this.socket = new WebSocket(HUB);
      this.socket.binaryType = "arraybuffer";
      this.socket.onopen = () => this.ask({ type: "join", url, token });
      this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.event(JSON.parse(data)) : this.play(data));
      this.socket.onclose = () => this.gone();
    }

    ask(request) {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
    }

    event(event) {
      switch (event.type) {
        case "joined": {
          this.me = event.participant.id;
          this.speak();
          const participants = { local: this.participant(event.participant) };
          for (const other of event.others) participants[other.id] = this.participant(other);
          return this.tell({ action: "joined-meeting", participants });
        }
        case "refused":
          return this.fail(event.kind, event.error);
        case "ejected":
          return this.fail(event.reason === "expired" ? "exp-token" : "ejected", event.reason);
        case "participant-joined":
        case "participant-updated":
        case "participant-left":
          return this.tell({ action: event.type, participant: this.participant(event.participant) });
        case "app-message":
          return this.tell({ action: "app-message", data: event.data, fromId: event.from });
      }
    }

    fail(type, msg) {
      this.failed = true;
      this.tell({ action: "error", errorMsg: msg, error: { type, msg } });
    }

    leave() {
      if (this.socket) this.socket.close();
      else this.tell({ action: "left-meeting" });
    }

    gone() {
      this.reader?.cancel();
      void this.context.close();
      calls.delete(this.id);
      this.tell({ action: "left-meeting" });
    }

    /** Of the hub's, in the words of daily-js; the library adds the tracks from the store. */
    participant({ id, info, media }) {
      const local = id === this.me;
      const on = media.microphone.state === "playable";
      if (!local) this.voice(id);
      const off = { state: "off", subscribed: false };
      return {
        session_id: id,
        user_id: info.userId,
        user_name: info.userName,
        owner: info.isOwner,
        local,
        audio: on,
        video: false,
        screen: false,
        tracks: {
          audio: { state: on ? "playable" : "off", subscribed: true },
          video: off,
          screenAudio: off,
          screenVideo: off,
        },
      };
    }

    voice(id) {
      if (!this.people.has(id)) {
        const output = this.context.createMediaStreamDestination();
        this.people.set(id, { output, until: 0 });
        const pendingTrack = output.stream.getAudioTracks()[0];
        this.state.streams[id] = { participantId: id, type: "cam", pendingTrack, starttime: new Date().toISOString() };
      }
      return this.people.get(id);
    }

    /** 16 bytes: whose; 4: the sample rate; the rest is PCM16. */
    play(packet) {
      const hex = [...new Uint8Array(packet, 0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const person = this.voice(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
      const samples = Float32Array.from(new Int16Array(packet.slice(20)), (sample) => sample / 0x8000);
      const buffer = this.context.createBuffer(1, samples.length, new DataView(packet).getUint32(16, true));
      buffer.copyToChannel(samples, 0);
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.connect(person.output);
      const now = this.context.currentTime;
      person.until = Math.max(person.until, now + PLAY_AHEAD_SECONDS);
      source.start(person.until);
      person.until += buffer.duration;
    }

    /** Send the page's microphone, whichever it is now. */
    async speak() {
      const track = window._daily.instances[this.id].tracks.audioTrack;
      if (!track || !this.me) return;
      this.state.local.streams.cam = { stream: new MediaStream([track]) };
      await this.reader?.cancel();
      const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 500 }).readable.getReader();
      this.reader = reader;
      let waiting = [];
      for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
        const samples = new Float32Array(value.numberOfFrames);
        value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        waiting.push(...slower(samples, value.sampleRate / SPOKEN_RATE));
        value.close();
        while (waiting.length >= PACKET_SAMPLES) {
          this.send(waiting.slice(0, PACKET_SAMPLES));
          waiting = waiting.slice(PACKET_SAMPLES);
        }
      }
    }

    send(samples) {
      const packet = new DataView(new ArrayBuffer(4 + 2 * samples.length));
      packet.setUint32(0, SPOKEN_RATE, true);
      samples.forEach((sample, index) => packet.setInt16(4 + 2 * index, sample * 0x7fff, true));
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(packet);
    }
  }

  /** A whole number of samples each becomes one, their mean: good enough for speech. */
  function slower(samples, times) {
    const means = [];
    for (let at = 0; at < samples.length; at += times) {
      means.push(samples.subarray(at, at + times).reduce((sum, sample) => sum + sample, 0) / times);
    }
    return means;
  }

  // daily-js loads this anew for each call, whose id waits here.
  for (const id of window._daily.pendings.splice(0)) {
    const call = new Call(id);
    calls.set(id, call);
    call.tell({ action: "call-machine-initialized" });
  }
  window.addEventListener("message", ({ data }) => {
    if (data?.what === WHAT && data.from === "module") calls.get(data.callClientId)?.hear(data);
  });
})();
