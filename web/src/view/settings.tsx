// What can be chosen before a call: the way it travels, the devices, and whether the agent may remember.
import type { Signal } from "@preact/signals";
import type { Config } from "../config.ts";
import type { Call, TransportName } from "../model.ts";
import { isUnderWay } from "./call_words.ts";
import { TRANSPORT_NAMES, TRANSPORT_NOTES } from "./connection_words.ts";
import { ChevronIcon } from "./icons.tsx";
import { Invitation } from "./invitation.tsx";

interface TransportPickerProps {
  readonly config: Config;
  readonly transport: Signal<TransportName>;
  readonly locked: boolean;
}

function TransportPicker({ config, transport, locked }: TransportPickerProps) {
  return (
    <div class="transports" role="radiogroup" aria-labelledby="connection-type" aria-disabled={locked}>
      <span class="label" id="connection-type">
        Connection type
      </span>
      <div class="segments">
        {config.transports.map((name, index) => (
          <label key={name} class="transport">
            <input
              type="radio"
              name="transport"
              value={name}
              checked={transport.value === name}
              disabled={locked}
              aria-labelledby={`transport-${name}`}
              aria-describedby={`transport-${name}-note`}
              onChange={() => {
                transport.value = name;
              }}
            />
            <span class="transport-name" id={`transport-${name}`}>
              {TRANSPORT_NAMES[name]}
            </span>
            <span class="transport-note" id={`transport-${name}-note`}>
              {index === 0 && config.transports.length > 1 ? "Recommended" : TRANSPORT_NOTES[name]}
            </span>
          </label>
        ))}
      </div>
    </div>
  );
}

interface DeviceChoiceProps {
  readonly name: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly chosen: string | null;
  readonly onChoose: (deviceId: string) => Promise<void>;
}

/** Browsers tell no names, and no ids, before the microphone has been allowed. */
function DeviceChoice({ name, devices, chosen, onChoose }: DeviceChoiceProps) {
  const known = devices.filter((device) => device.deviceId !== "");
  return (
    <label class="device">
      <span class="label">{name}</span>
      <span class="select">
        <select
          disabled={known.length === 0}
          value={chosen ?? ""}
          onChange={(event) => void onChoose(event.currentTarget.value)}
        >
          {chosen === null || known.length === 0 ? <option value="">Default</option> : null}
          {known.map((device, index) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || `${name} ${index + 1}`}
            </option>
          ))}
        </select>
        <ChevronIcon />
      </span>
    </label>
  );
}

interface SettingsProps {
  readonly config: Config;
  readonly call: Call;
  readonly transport: Signal<TransportName>;
  readonly remember: Signal<boolean>;
}

export function Settings({ config, call, transport, remember }: SettingsProps) {
  const locked = isUnderWay(call.state.value);
  const devices = call.devices.value;
  return (
    <section class="settings" aria-label="Settings">
      <TransportPicker config={config} transport={transport} locked={locked} />
      <div class="devices">
        <DeviceChoice
          name="Microphone"
          devices={devices.microphones}
          chosen={devices.microphone}
          onChoose={call.chooseMicrophone}
        />
        {devices.speakers.length === 0 ? null : (
          <DeviceChoice
            name="Speaker"
            devices={devices.speakers}
            chosen={devices.speaker}
            onChoose={call.chooseSpeaker}
          />
        )}
      </div>
      <Invitation call={call} />
      {config.memory ? (
        <label class="remember">
          <input
            type="checkbox"
            checked={remember.value}
            disabled={locked}
            aria-labelledby="remember"
            aria-describedby="remember-note"
            onChange={(event) => {
              remember.value = event.currentTarget.checked;
            }}
          />
          <span id="remember">Remember this conversation</span>
          <span class="note" id="remember-note">
            The bot may come back to it when you call again.
          </span>
        </label>
      ) : null}
    </section>
  );
}
