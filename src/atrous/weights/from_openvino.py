"""Read the constants of an OpenVINO IR without OpenVINO."""
