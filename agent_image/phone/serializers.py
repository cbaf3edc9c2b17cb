"""Pipecat's serializers as this agent uses them: it holds no credentials of a carrier, so none of them may hang up."""

from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer

from phone import PhoneStream


def create_serializer(stream: PhoneStream) -> FrameSerializer:
    """Translates between the frames of the pipeline and the messages of this stream."""
    match stream.carrier:
        case "plivo":
            return PlivoFrameSerializer(stream.stream_id, params=PlivoFrameSerializer.InputParams(auto_hang_up=False))
        case "telnyx":
            # Named from the call's point of view: "outbound" is what Telnyx sends, in the codec of the telephone
            # network where the call comes from; "inbound" is what it gets, whose codec the document decides (PCMU).
            return TelnyxFrameSerializer(
                stream.stream_id,
                outbound_encoding=stream.encoding,
                inbound_encoding="PCMU",
                params=TelnyxFrameSerializer.InputParams(auto_hang_up=False),
            )
        case "twilio":
            return TwilioFrameSerializer(stream.stream_id, params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
        case "vonage":
            return VonageFrameSerializer(VonageFrameSerializer.InputParams(vonage_sample_rate=stream.sample_rate))
