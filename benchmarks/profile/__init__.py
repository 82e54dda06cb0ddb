"""Where the time of a call goes: its steps, each with the processor time that it takes on either side."""
