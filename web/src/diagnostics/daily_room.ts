// Says how a call in a Daily room travels, by Daily's own figures: its peer connections are its own.
import type { ConnectionReport } from "../model.ts";
import { roomSentence } from "./sentence.ts";

/**
 * What `getNetworkStats()` gives, of which there is nothing yet when a call begins. Times are in seconds, losses 0 to 1.
 * https://docs.daily.co/reference/daily-js/instance-methods/get-network-stats
 */
export interface DailyStatistics {
  readonly latest?: {
    readonly networkRoundTripTime?: number | null;
    readonly audioRecvJitter?: number | null;
    readonly audioRecvPacketLoss?: number | null;
    readonly sendBitsPerSecond?: number | null;
    readonly recvBitsPerSecond?: number | null;
  };
}

export function describeDailyRoom({ latest = {} }: DailyStatistics): ConnectionReport {
  const sound = {
    roundTripMilliseconds: thousandfold(latest.networkRoundTripTime),
    jitterMilliseconds: thousandfold(latest.audioRecvJitter),
    lost: latest.audioRecvPacketLoss ?? null,
  };
  const [sent, received] = [latest.sendBitsPerSecond ?? null, latest.recvBitsPerSecond ?? null];
  return {
    transport: "daily",
    gathered: [],
    pair: null,
    ...sound,
    kilobitsPerSecond: sent === null || received === null ? null : { sent: sent / 1000, received: received / 1000 },
    sentence: roomSentence(sound),
  };
}

function thousandfold(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : value * 1000;
}
