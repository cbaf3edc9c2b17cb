// Runs before the page, which does not know: keeps hold of what the page plays, so that a test can measure it.
(() => {
  const peers = [];
  const taps = new Map();
  let loudest = 0;

  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) {
      super(...options);
      peers.push(this);
    }
  };

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...ends) {
    const connected = connect.call(this, target, ...ends);
    const leaves = target === this.context.destination || target instanceof MediaStreamAudioDestinationNode;
    if (leaves && !taps.has(this)) {
      const tap = this.context.createAnalyser();
      connect.call(this, tap);
      taps.set(this, tap);
    }
    return connected;
  };

  const samples = new Float32Array(2048);
  setInterval(() => {
    for (const tap of taps.values()) {
      tap.getFloatTimeDomainData(samples);
      const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      loudest = Math.max(loudest, Math.sqrt(energy));
    }
  }, 20);

  /** The loudest that left the page's audio graphs (root mean square), and the same of what its peers sent. */
  window.heardSoFar = async () => {
    let fromPeers = 0;
    for (const peer of peers) {
      for (const report of (await peer.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.totalSamplesDuration > 0) {
          fromPeers = Math.max(fromPeers, Math.sqrt(report.totalAudioEnergy / report.totalSamplesDuration));
        }
      }
    }
    return { loudest, fromPeers };
  };
})();
