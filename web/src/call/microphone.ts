// The caller's microphone: asked for, changed, muted, and taken back when it is unplugged.
import { CallFailure, failure, failureOfMicrophone } from "./failures.ts";

export interface Microphone {
  /** Ask for it. Throws `CallFailure`. */
  open(deviceId?: string): Promise<MediaStreamTrack>;
  setMuted(muted: boolean): void;
  readonly track: MediaStreamTrack | null;
  close(): void;
}

/** `onLost` is called when the device in use went away. */
export function createMicrophone(onLost: () => void): Microphone {
  let track: MediaStreamTrack | null = null;
  let muted = false;
  return {
    async open(deviceId) {
      const opened = await getMicrophone(deviceId);
      track?.stop();
      track = opened;
      track.enabled = !muted;
      track.onended = onLost; // browsers say so for a device that went away, not for stop()
      return opened;
    },
    setMuted(now) {
      muted = now;
      if (track) {
        track.enabled = !now;
      }
    },
    get track() {
      return track;
    },
    close() {
      track?.stop();
      track = null;
      muted = false;
    },
  };
}

async function getMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallFailure(failure("unsupported"));
  }
  try {
    const audio = {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      ...(deviceId && { deviceId: { exact: deviceId } }),
    };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    return stream.getAudioTracks()[0] as MediaStreamTrack;
  } catch (error) {
    throw new CallFailure(failureOfMicrophone(error), { cause: error });
  }
}
