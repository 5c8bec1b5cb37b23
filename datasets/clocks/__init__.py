"""How a test device's clock stands against the reference's, session by session, and how sure that is."""
