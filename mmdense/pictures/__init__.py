"""Pictures of what a trained model sees: its features, its attention, its neighbours, its boxes."""
