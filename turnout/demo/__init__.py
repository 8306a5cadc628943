"""The main job, played on the local stack against real HTTP traffic, with every claim measured."""
